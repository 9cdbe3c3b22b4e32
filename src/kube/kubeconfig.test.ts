import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { loadKubeConfig, readKubeConfig } from './kubeconfig.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kubeconfig-'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(directory, { recursive: true });
});

async function write(name: string, content: string): Promise<string> {
  await writeFile(join(directory, name), content);
  return join(directory, name);
}

const yaml = (user: string) => `
apiVersion: v1
kind: Config
current-context: edge
contexts:
  - { name: edge, context: { cluster: edge, user: robot, namespace: sites } }
  - { name: other, context: { cluster: edge, user: nobody } }
clusters:
  - name: edge
    cluster:
      server: https://edge.example.com:6443/prefix
      certificate-authority: pki/ca.crt
      tls-server-name: kubernetes
      proxy-url: http://proxy.example.com:3128
users:
  - name: robot
    user: ${user}
`;

const read = async (user: string) => readKubeConfig(await write('config', yaml(user)));

it('reads what the current context says, files relative to it', async () => {
  await expect(read('{ tokenFile: token, token: ignored }')).resolves.toEqual({
    server: 'https://edge.example.com:6443/prefix',
    certificateAuthority: { file: join(directory, 'pki/ca.crt') },
    insecureSkipTlsVerify: false,
    tlsServerName: 'kubernetes',
    proxyUrl: 'http://proxy.example.com:3128',
    namespace: 'sites',
    user: { token: { file: join(directory, 'token') } },
  });
});

it('takes data before files', async () => {
  const { user } = await read(
    `{ client-certificate-data: ${btoa('certificate')}, client-certificate: ignored, client-key: key }`,
  );
  expect(user).toEqual({
    clientCertificate: { certificate: { content: 'certificate' }, key: { file: join(directory, 'key') } },
  });
});

it('reads an authentication plugin, with what may be absent or null', async () => {
  const { user } = await read(
    '{ exec: { apiVersion: client.authentication.k8s.io/v1, command: ./login, args: null, env: [{ name: A, value: b }] } }',
  );
  expect(user.exec).toEqual({
    apiVersion: 'client.authentication.k8s.io/v1',
    command: join(directory, 'login'),
    args: [],
    env: { A: 'b' },
    provideClusterInfo: false,
    installHint: undefined,
  });
});

it.each([
  ['{ client-certificate: a }', /without the other/],
  ['{ username: a, password: hunter2 }', /password/],
  ['{ auth-provider: { name: gcp } }', /auth-provider/],
])('refuses %s', async (user, message) => {
  await expect(read(user)).rejects.toMatchObject({
    reason: 'ConfigurationInvalid',
    message: expect.stringMatching(message),
  });
});

it.each([
  ['', /current-context/],
  ['current-context: gone', /no context "gone"/],
  ['{ current-context: a, contexts: [{ name: a, context: { cluster: gone } }] }', /no cluster "gone"/],
])('says what is missing in %j', async (content, message) => {
  const path = await write('config', content === '' ? 'kind: Config' : content);
  await expect(readKubeConfig(path)).rejects.toThrow(message);
});

it('does not quote a file that cannot be parsed, nor hide one that cannot be read', async () => {
  const broken = await write('config', 'token: "s3cret\n  - [');
  await expect(readKubeConfig(broken)).rejects.toThrow(/neither YAML nor JSON$/);
  await expect(readKubeConfig(join(directory, 'nowhere'))).rejects.toThrow(/nowhere/);
});

it('merges the files of KUBECONFIG: the first one counts', async () => {
  const first = await write('first', 'users: [{ name: robot, user: { token: of-the-first } }]');
  const second = await write('second', yaml('{ token: of-the-second }'));
  vi.stubEnv('KUBECONFIG', ['', first, second].join(delimiter));
  await expect(loadKubeConfig()).resolves.toMatchObject({
    namespace: 'sites',
    user: { token: { content: 'of-the-first' } },
  });
});
