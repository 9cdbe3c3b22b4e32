import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { KubeClient, KubeRequest } from './client.ts';
import { createEventRecorder } from './events.ts';
import { KubeError } from './kube-error.ts';

const minute = 60_000;
const repeatAfterMs = 10 * minute;
const subject = (uid: string) => ({
  apiVersion: 'example.com/v1',
  kind: 'Widget',
  metadata: { namespace: 'default', name: 'one', uid },
});
const content = (note: string) => ({ type: 'Warning', reason: 'Broken', action: 'Mend', note }) as const;

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

function given(answer: (request: KubeRequest) => void = () => {}) {
  const requests: KubeRequest[] = [];
  const errors: unknown[] = [];
  let dropped = 0;
  const client: KubeClient = {
    request: async (request) => {
      requests.push(request);
      answer(request);
      return {};
    },
    stream: () => Promise.reject(new Error('not used')),
    close: () => Promise.resolve(),
  };
  const recorder = createEventRecorder(client, {
    reportingController: 'example.com/widgets',
    reportingInstance: 'widgets-0',
    repeatAfterMs,
    onError: (error) => errors.push(error),
    onDropped: () => (dropped += 1),
  });
  const notes = () => requests.filter(({ method }) => method === 'POST').map(({ body }) => body);
  const counts = () => requests.filter(({ method }) => method === 'PATCH').map(({ body }) => body);
  return { recorder, requests, errors, notes, counts, dropped: () => dropped };
}

it('counts what is repeated, and writes the count from time to time', async () => {
  const { recorder, notes, counts } = given();
  for (let i = 0; i < 40; i++) {
    await recorder.record(subject('a'), content('the same'));
    vi.advanceTimersByTime(minute);
  }
  expect(notes()).toHaveLength(1);
  expect(counts()).toEqual([11, 21, 31].map((count) => ({ series: expect.objectContaining({ count }) })));
});

it('starts anew when the API server has forgotten the event', async () => {
  const { recorder, notes, errors } = given(({ method }) => {
    if (method === 'PATCH') throw new KubeError({ status: 404, reason: 'NotFound', message: 'gone', retryable: false });
  });
  await recorder.record(subject('a'), content('the same'));
  vi.advanceTimersByTime(repeatAfterMs);
  await recorder.record(subject('a'), content('the same'));
  expect(notes()).toHaveLength(2);
  expect(errors).toEqual([]);
});

it('combines notes of one reason that always differ', async () => {
  const { recorder, notes } = given();
  for (let i = 0; i < 24; i++) await recorder.record(subject('a'), content(`try ${i}`));
  expect(notes()).toHaveLength(11);
  expect(notes().at(-1)).toMatchObject({ note: '(combined from similar events): try 10' });
});

it('cuts a subject short that says too much, and no other', async () => {
  const { recorder, notes, dropped } = given();
  const say = async (uid: string, count: number) => {
    for (let i = 0; i < count; i++)
      await recorder.record(subject(uid), { ...content(`note ${i}`), reason: `Reason${i}` });
  };
  await say('a', 215);
  expect([notes().length, dropped()]).toEqual([200, 15]);
  await say('b', 5);
  expect([notes().length, dropped()]).toEqual([205, 15]);
  vi.advanceTimersByTime(2 * minute);
  await recorder.record(subject('a'), content('two more'));
  await recorder.record(subject('a'), content('may be said'));
  await recorder.record(subject('a'), content('by now'));
  expect([notes().length, dropped()]).toEqual([207, 16]);
});

it('tries again at once what could not be written', async () => {
  let fail = true;
  const { recorder, notes, errors } = given(() => {
    if (fail) throw new Error('down');
  });
  await recorder.record(subject('a'), content('lost'));
  fail = false;
  await recorder.record(subject('a'), content('lost'));
  expect(errors).toHaveLength(1);
  expect(notes()).toHaveLength(2);
});
