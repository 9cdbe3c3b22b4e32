import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ExecPlugin } from './kubeconfig.ts';
import { failure, ok, startClientLab, type ClientLab } from './testing/client-lab.ts';
import { answerStatus, type Handler } from './testing/fault-server.ts';

let lab: ClientLab;
beforeEach(async () => {
  lab = await startClientLab();
});
afterEach(() => lab.close());

const plugin = (script: string, more: Partial<ExecPlugin> = {}): ExecPlugin => ({
  apiVersion: 'client.authentication.k8s.io/v1',
  command: process.execPath,
  args: ['-e', script],
  env: {},
  provideClusterInfo: false,
  installHint: undefined,
  ...more,
});

const acceptOnly =
  (token: () => string): Handler =>
  (request, response) =>
    request.headers.authorization === `Bearer ${token()}`
      ? ok(request, response)
      : answerStatus(response, 401, 'Unauthorized');
const tokenFile = () => join(lab.directory, 'token');
const withTokenFile = () => lab.newClient(lab.server.kubeConfig({ token: { file: tokenFile() } }));

describe('credentials', () => {
  it('sends token, user agent and nothing that asks for another format', async () => {
    await lab.get();
    expect(lab.server.requests[0]?.headers).toMatchObject({
      authorization: 'Bearer test-token',
      'user-agent': 'kube-test',
      accept: 'application/json',
    });
  });

  it('survives a token file that is replaced under load', async () => {
    let valid = 'first';
    lab.handle = acceptOnly(() => valid);
    await writeFile(tokenFile(), 'first\n');
    const rotating = withTokenFile();
    const call = () => lab.get(rotating);
    await Promise.all(Array.from({ length: 20 }, call));
    await writeFile(tokenFile(), 'second\n');
    const underLoad = Array.from({ length: 100 }, call);
    valid = 'second';
    await expect(Promise.all(underLoad)).resolves.toHaveLength(100);
    expect(lab.server.requests.some(({ headers }) => headers.authorization === 'Bearer second')).toBe(true);
  });

  it('asks once more, not for ever, when credentials are refused', async () => {
    lab.handle = acceptOnly(() => 'another');
    expect(await failure(lab.get())).toMatchObject({ status: 401, retryable: false });
    expect(lab.server.requests).toHaveLength(2);
  });

  it('asks an authentication plugin, tells it of the cluster, and asks again when its token has expired', async () => {
    const script = `
      const { spec: { cluster, interactive } } = JSON.parse(process.env.KUBERNETES_EXEC_INFO);
      const calls = require('node:fs').appendFileSync(process.argv[1], '.') ?? require('node:fs').readFileSync(process.argv[1]).length;
      const token = [process.env.GREETING, interactive, cluster.server.startsWith('https'), calls].join(' ');
      const expirationTimestamp = new Date(calls === 1 ? 0 : Date.now() + 3600_000).toISOString();
      console.log(JSON.stringify({ kind: 'ExecCredential', status: { token, expirationTimestamp } }));`;
    vi.useFakeTimers({ toFake: ['performance'] });
    try {
      const exec = plugin(script, { args: ['-e', script, join(lab.directory, 'calls')], env: { GREETING: 'hello' } });
      const asking = lab.newClient(lab.server.kubeConfig({ exec: { ...exec, provideClusterInfo: true } }));
      for (let call = 0; call < 4; call++) {
        await lab.get(asking);
        vi.advanceTimersByTime(11_000);
      }
    } finally {
      vi.useRealTimers();
    }
    expect(lab.server.requests.map(({ headers }) => headers.authorization)).toEqual([
      'Bearer hello false true 1',
      'Bearer hello false true 2',
      'Bearer hello false true 2',
      'Bearer hello false true 2',
    ]);
  });

  it('does not show what an authentication plugin printed', async () => {
    const exec = plugin('console.log("plugin-secret"); console.error("plugin-secret"); process.exitCode = 3');
    const error = await failure(lab.get(lab.newClient(lab.server.kubeConfig({ exec }))));
    expect(error.message).toContain('failed (3)');
    expect(error).toMatchObject({ reason: 'CredentialsUnavailable' });
    expect(inspect(error, { depth: Infinity, showHidden: true })).not.toContain('plugin-secret');
  });

  it('names a credentials file that is missing', async () => {
    const error = await failure(lab.get(withTokenFile()));
    expect(error).toMatchObject({ reason: 'CredentialsUnavailable', retryable: true });
    expect(error.message).toContain(tokenFile());
  });

  it('ends at the deadline when an authentication plugin hangs', async () => {
    const exec = plugin('setTimeout(() => {}, 2000)');
    const error = await failure(lab.get(lab.newClient(lab.server.kubeConfig({ exec }), 100)));
    expect(error).toMatchObject({ reason: 'RequestTimeout' });
  });

  it('says how to install a plugin that is not there', async () => {
    const exec = { ...plugin(''), command: join(lab.directory, 'nowhere'), installHint: 'Install it so.' };
    const error = await failure(lab.get(lab.newClient(lab.server.kubeConfig({ exec }))));
    expect(error).toMatchObject({ reason: 'CredentialsUnavailable', retryable: true });
    expect(error.message).toMatch(/nowhere is not there\. Install it so\.$/);
  });

  it('reads a token file again after a while, and not for every call', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    try {
      await writeFile(tokenFile(), 'first');
      const rotating = withTokenFile();
      await lab.get(rotating);
      await writeFile(tokenFile(), 'second');
      await lab.get(rotating);
      vi.advanceTimersByTime(11_000);
      await lab.get(rotating);
    } finally {
      vi.useRealTimers();
    }
    const tokens = lab.server.requests.map(({ headers }) => headers.authorization);
    expect(tokens).toEqual(['Bearer first', 'Bearer first', 'Bearer second']);
    expect(lab.server.connections()).toBe(1);
  });

  it('trusts a certificate authority that is replaced', async () => {
    const caFile = join(lab.directory, 'ca.crt');
    await writeFile(caFile, '');
    const rotating = lab.newClient(lab.server.kubeConfig(undefined, caFile));
    expect(await failure(lab.get(rotating))).toMatchObject({ reason: 'ConnectionFailed' });
    await writeFile(caFile, lab.server.caPem);
    await expect(lab.get(rotating)).resolves.toEqual({ fine: true });
  });

  it('refuses to send a token in the clear', () => {
    expect(() => lab.newClient({ ...lab.server.kubeConfig(), server: 'http://127.0.0.1:1' })).toThrow(/not https/);
    expect(() => lab.newClient({ ...lab.server.kubeConfig(), proxyUrl: 'socks5://127.0.0.1:1' })).toThrow(/proxies/);
  });
});
