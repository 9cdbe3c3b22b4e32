import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startControlPlane, type ControlPlane } from './start.ts';

describe('the control plane', () => {
  let directory: string;
  let controlPlane: ControlPlane;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'controlplane-'));
    controlPlane = await startControlPlane({ directory, audit: true });
  }, 30 * 60_000);

  afterAll(async () => {
    await controlPlane?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  it('is the pinned version and lets the administrator in', async () => {
    expect(JSON.parse(await controlPlane.kubectl('version', '-o', 'json'))).toMatchObject({
      clientVersion: { gitVersion: 'v1.37.2' },
      serverVersion: { gitVersion: 'v1.37.2' },
    });
  });

  it('hands out a kubeconfig that has the rights of its ServiceAccount and no more', async () => {
    await controlPlane.kubectl('create', 'namespace', 'edge');
    await controlPlane.kubectl('create', 'serviceaccount', 'reader', '-n', 'edge');
    await controlPlane.kubectl('create', 'role', 'reader', '-n', 'edge', '--verb=list', '--resource=configmaps');
    await controlPlane.kubectl(
      'create',
      'rolebinding',
      'reader',
      '-n',
      'edge',
      '--role=reader',
      '--serviceaccount=edge:reader',
    );
    const kubeconfig = await controlPlane.kubeconfigFor({ namespace: 'edge', name: 'reader' });
    // Two --kubeconfig flags: the last one counts.
    await expect
      .poll(() => controlPlane.kubectl(`--kubeconfig=${kubeconfig}`, 'get', 'configmaps', '-o', 'name'), {
        timeout: 15_000,
      })
      .toContain('kube-root-ca.crt');
    await expect(controlPlane.kubectl(`--kubeconfig=${kubeconfig}`, 'get', 'secrets')).rejects.toThrow(/forbidden/i);
    expect(await readFile(controlPlane.auditLog ?? '', 'utf8')).toContain('system:serviceaccount:edge:reader');
  });

  it('shows the log when a start fails', async () => {
    const broken = join(directory, 'broken');
    await mkdir(join(broken, 'etcd'), { recursive: true });
    await writeFile(join(broken, 'etcd', 'member'), 'a file where etcd wants a folder');
    await expect(startControlPlane({ directory: broken })).rejects.toThrow(/The last lines of .*kube-apiserver\.log/s);
  }, 90_000);

  it('stops all it started when the process that started it is killed', async () => {
    const own = join(directory, 'killed');
    const script = `
      const { startControlPlane } = await import(${JSON.stringify(join(import.meta.dirname, 'start.ts'))});
      const started = await startControlPlane({ directory: ${JSON.stringify(own)} });
      console.log(started.url);
      setInterval(() => {}, 1000);
    `;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const url = await new Promise<string>((resolve) =>
      child.stdout.once('data', (data: Buffer) => resolve(data.toString().trim())),
    );
    const answers = () =>
      fetch(url).then(
        () => true,
        (error: Error & { cause?: { code?: string } }) => error.cause?.code !== 'ECONNREFUSED',
      );
    expect(await answers()).toBe(true);
    child.kill('SIGKILL');
    await expect.poll(answers, { timeout: 15_000 }).toBe(false);
  }, 90_000);
});
