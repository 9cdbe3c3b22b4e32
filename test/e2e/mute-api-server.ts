import { writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { answer, answerStatus, send, startFaultServer, startStream } from '../../src/kube/testing/fault-server.ts';
import { mergePatch } from '../simulators/shared/admin.ts';

/** As much of an API server as a controller without registrations asks for, which stops answering when it is told. */
export interface MuteApiServer {
  /** Refuses this many reads of the namespace kube-system. */
  refuseKubeSystem(times: number): void;
  /** From now on it takes what is asked and says nothing, or speaks again. */
  mute(isMute: boolean): void;
  /** How many requests it has left without an answer. */
  unanswered(): number;
  /** Says to every open watch that nothing has changed. */
  bookmark(): void;
  stop(): Promise<void>;
}

const resourceVersion = '10';
const synced = { metadata: { resourceVersion, annotations: { 'k8s.io/initial-events-end': 'true' } } };

/** @param kubeconfig where to write the kubeconfig that leads to it */
export async function startMuteApiServer(kubeconfig: string): Promise<MuteApiServer> {
  const watches = new Set<ServerResponse>();
  let isMute = false;
  let unanswered = 0;
  let refusals = 0;
  /** There is one, whatever its name. */
  let lease: unknown;
  let version = 0;

  const server = await startFaultServer(({ method, path, query, body }, response) => {
    if (isMute) return void unanswered++;
    if (query.get('watch') === 'true') {
      send(startStream(response), 'BOOKMARK', synced);
      watches.add(response);
      return;
    }
    if (path.endsWith('/namespaces/kube-system')) {
      if (refusals-- > 0) return answerStatus(response, 503, 'ServiceUnavailable');
      return answer(response, 200, { metadata: { name: 'kube-system', uid: 'kube-system-uid', resourceVersion } });
    }
    if (!path.includes('/leases')) return answerStatus(response, 404, 'NotFound');
    if (method !== 'GET') {
      const metadata = { uid: 'lease-uid', resourceVersion: String(++version) };
      lease = mergePatch(mergePatch(lease ?? {}, JSON.parse(body)), { metadata });
    }
    if (lease === undefined) answerStatus(response, 404, 'NotFound');
    else answer(response, 200, lease);
  });
  const cluster = {
    server: server.url,
    'certificate-authority-data': Buffer.from(server.caPem).toString('base64'),
  };
  await writeFile(
    kubeconfig,
    JSON.stringify({
      'current-context': 'mute',
      contexts: [{ name: 'mute', context: { cluster: 'mute', user: 'mute' } }],
      clusters: [{ name: 'mute', cluster }],
      users: [{ name: 'mute', user: { token: 'token' } }],
    }),
    { mode: 0o600 },
  );
  return {
    refuseKubeSystem: (times) => void (refusals = times),
    mute: (now) => void (isMute = now),
    unanswered: () => unanswered,
    bookmark() {
      for (const watch of watches) send(watch, 'BOOKMARK', { metadata: { resourceVersion } });
    },
    stop: () => server.stop(),
  };
}
