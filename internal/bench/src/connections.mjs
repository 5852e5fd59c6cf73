// Connections: set-ups per second and their CPU, throughput and messages. The stacks take turns in slices of one process, and what is reported is the median of the slices: between processes, or seconds
// apart, the same code differs by a factor of two on a shared machine.

const kib = 1024;

/** CPU seconds that this process has used. */
function cpuSeconds() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

/** Runs `slice(stack)` for all stacks in turn, `rounds` times; the median of what it returns, per stack. */
async function interleaved(stacks, rounds, slice) {
  const results = stacks.map(() => []);
  for (let round = 0; round <= rounds; round++) {
    for (const [i, stack] of stacks.entries()) {
      const value = await slice(stack);
      if (round > 0) results[i].push(value); // the first one warms up
    }
  }
  return results.map((values) => {
    const keys = Object.keys(values[0]);
    return Object.fromEntries(keys.map((key) => [key, median(values.map((value) => value[key]))]));
  });
}

/** How many set-ups are measured. */
export const setupSlices = { rounds: 7, perSlice: 60 };

/** Sequential connect + close. */
export function setups(stacks, { rounds, perSlice } = setupSlices) {
  return interleaved(stacks, rounds, async (stack) => {
    const startMs = performance.now();
    const startCpu = cpuSeconds();
    for (let i = 0; i < perSlice; i++) await (await stack.connect()).close();
    const seconds = (performance.now() - startMs) / 1000;
    return { perSecond: perSlice / seconds, cpuMs: ((cpuSeconds() - startCpu) / perSlice) * 1000 };
  });
}

/** Bytes through one stream, in writes of `writeBytes`, with back-pressure. */
export function streamThroughput(stacks, writeBytes, { rounds = 7, sliceBytes = 48 * kib * kib } = {}) {
  const chunk = new Uint8Array(writeBytes).fill(7);
  const pairs = new Map();
  return interleaved(stacks, rounds, async (stack) => {
    if (!pairs.has(stack)) pairs.set(stack, await (await stack.connect()).stream());
    const [near, far] = pairs.get(stack);
    const startMs = performance.now();
    let received = 0;
    await new Promise((done) => {
      const onData = (data) => {
        received += data.length;
        if (received < sliceBytes) return;
        far.removeListener('data', onData);
        done();
      };
      far.on('data', onData);
      let sent = 0;
      const write = () => {
        while (sent < sliceBytes) {
          sent += writeBytes;
          if (near.write(chunk) === false) {
            near.once('drain', write);
            return;
          }
        }
      };
      write();
    });
    return { mbPerSecond: received / 1e6 / ((performance.now() - startMs) / 1000) };
  });
}

/** Messages of `bytes`, in bursts as fast as they are taken. */
export function messages(stacks, bytes, { rounds = 7, perSlice = 100_000 } = {}) {
  const message = new Uint8Array(bytes).fill(7);
  const channels = new Map();
  return interleaved(stacks, rounds, async (stack) => {
    if (!channels.has(stack)) {
      const state = { count: 0, onCount() {}, drain() {} };
      state.channel = await stack.connect();
      state.channel.receive(
        () => {
          state.count++;
          state.onCount();
        },
        () => state.drain(),
      );
      channels.set(stack, state);
    }
    const state = channels.get(stack);
    state.count = 0;
    const startMs = performance.now();
    await new Promise((done) => {
      let sent = 0;
      state.onCount = () => {
        if (state.count === perSlice) done();
      };
      const send = () => {
        while (sent < perSlice) {
          const taken = state.channel.send(message);
          // protomux takes the message and asks to wait; a link that says no has not taken it.
          if (taken !== false || stack.name.startsWith('secret')) sent++;
          if (taken === false) {
            state.drain = send;
            return;
          }
        }
      };
      send();
    });
    return { perSecond: perSlice / ((performance.now() - startMs) / 1000) };
  });
}

/** One message per turn of the event loop: CPU of each, batching cannot help. */
export function singleMessages(stacks, bytes, { rounds = 5, perSlice = 10_000 } = {}) {
  const message = new Uint8Array(bytes).fill(7);
  const channels = new Map();
  return interleaved(stacks, rounds, async (stack) => {
    if (!channels.has(stack)) {
      const state = { onMessage() {} };
      state.channel = await stack.connect();
      state.channel.receive(
        () => state.onMessage(),
        () => {},
      );
      channels.set(stack, state);
    }
    const state = channels.get(stack);
    const startMs = performance.now();
    const startCpu = cpuSeconds();
    await new Promise((done) => {
      let received = 0;
      state.onMessage = () => {
        if (++received === perSlice) done();
      };
      let sent = 0;
      const next = () => {
        if (sent++ === perSlice) return;
        state.channel.send(message);
        setImmediate(next);
      };
      next();
    });
    const seconds = (performance.now() - startMs) / 1000;
    return { perSecond: perSlice / seconds, cpuUs: ((cpuSeconds() - startCpu) / perSlice) * 1e6 };
  });
}
