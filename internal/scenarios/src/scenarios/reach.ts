// reach: in a small network a second attempt is a flood (protocol.md §6: 1 024 units), for searches that the first one
// has failed. It has to come to everybody, although copies over fast links overtake those with the large budgets: that
// is what top-ups are for; and it has to end when it has, whatever its budget: that is what dedup is for. Measured by
// questions to which nobody has an answer, so that each has its second attempt.
import { pickOne, utf8 } from '@peernet/core';
import type { SimNode } from '../node.js';
import type { Scenario } from '../scenario.js';

const searchMessage = 2;

export const reach: Scenario = {
  name: 'reach',
  title: 'second attempts come to everybody in a small network',
  nodes: 50,
  nodesMin: 5,
  parameters: { questions: 100, everyMs: 5_000, joinSeconds: 60, settleSeconds: 60 },
  targets: () => [
    // Protocol.md §6: .999 in a network of 50.
    { field: 'reach', min: 0.99 },
    // A flood goes over each link once in either direction; half as much again for top-ups (1.35 with 10 nodes).
    { field: 'copiesPerLink', max: 1.5 },
  ],
  *run(stage) {
    const population = stage.population();
    const { world, random } = population;
    const decoder = new TextDecoder();
    const heard = new Map<string, Set<SimNode>>();
    let messages = 0;
    population.listenToSearch((_, __, message) => {
      if (message[0] === searchMessage) messages++;
    });
    population.onStart = (node) => {
      node.search.on('search', ({ payload }) => {
        if (payload !== undefined) heard.get(decoder.decode(payload))?.add(node);
      });
    };
    population.grow(stage.nodes, stage.parameter('joinSeconds') * 1000);
    stage.doing = 'growing';
    yield* stage.advance(world, (stage.parameter('joinSeconds') + stage.parameter('settleSeconds')) * 1000);
    const questions = stage.parameter('questions');
    for (let i = 0; i < questions; i++) {
      stage.doing = `question ${i} of ${questions}`;
      const from = pickOne(random, population.nodes);
      const name = `question ${i}`;
      heard.set(name, new Set());
      from?.search.search(
        'whoever',
        { payload: utf8(name) },
        () => {},
        () => {},
      );
      yield* stage.advance(world, stage.parameter('everyMs'));
    }
    yield* stage.advance(world, 10_000);
    const shares = [...heard.values()].map(({ size }) => size / (stage.nodes - 1));
    // SEARCH messages of a question for each link and direction.
    const linkEnds = population.graph.degrees().reduce((sum, degree) => sum + degree, 0);
    stage.report({
      questions,
      copiesPerLink: messages / questions / linkEnds,
      reach: shares.reduce((sum, share) => sum + share, 0) / Math.max(1, shares.length),
      reachMin: Math.min(...shares),
      reachedAll: shares.filter((share) => share >= 1).length / Math.max(1, shares.length),
    });
  },
};
