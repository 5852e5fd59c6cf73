export default function transport(): never {
  throw new Error('not written yet');
}
