export default function peernet(): never {
  throw new Error('not written yet');
}
