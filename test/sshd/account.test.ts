import ssh2, { type Client, type ClientChannel } from 'ssh2';
import { afterEach, describe, expect, test } from 'vitest';
import type { NodeEndpoint } from '../../src/nodes/transport.ts';
import { bootstrap, nodeScript } from '../../src/nodes/script/script.ts';
import { addCleanUp, answering, arcArguments, cleanUp, run, signalOf, success } from './fixtures.ts';
import type { Execution } from './node-server.ts';
import { sshdIsInstalled, startSshd } from './sshd.ts';

// What the account may do behind a real sshd: with the installer's restrictions, and without them (Inline).

afterEach(cleanUp);

const connect = (endpoint: NodeEndpoint): Promise<Client> =>
  new Promise((resolve, reject) => {
    const client = new ssh2.Client();
    addCleanUp(async () => void client.destroy());
    client.once('ready', () => resolve(client)).once('error', reject);
    client.connect({
      host: endpoint.address,
      port: endpoint.port,
      username: endpoint.user,
      privateKey: endpoint.privateKeys[0] ?? '',
    });
  });

/** The error that a request of the client ends with; `undefined` where it is granted. */
const refusal = (ask: (done: (error: Error | undefined) => void) => unknown): Promise<string | undefined> =>
  new Promise((resolve) => {
    ask((error) => resolve(error?.message));
  });

const exitOf = (open: (opened: (error: Error | undefined, channel: ClientChannel) => void) => unknown) =>
  new Promise<{ status: number | null; stderr: string }>((resolve, reject) => {
    open((error, channel) => {
      if (error !== undefined) {
        reject(error);
        return;
      }
      let stderr = '';
      let status: number | null = null;
      channel.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
      channel.on('exit', (code: number | null) => (status = code));
      channel.on('close', () => resolve({ status, stderr }));
      channel.resume();
      channel.end();
    });
  });

/** As the installed script does with what it does not know. */
const refusing = async (execution: Execution): Promise<void> => {
  await execution.stderr('hcireg: only operations of hcireg may be run here. This node has version 1.\r\n');
  execution.exit(126);
};

describe.skipIf(!sshdIsInstalled())('OpenSSH sshd with what the installer writes', () => {
  test.each([
    ['a terminal', (client: Client) => refusal((done) => client.exec('x', { pty: true }, done)), /pseudo-terminal/],
    ['sftp', (client: Client) => refusal((done) => client.sftp(done)), /subsystem/],
    [
      'forwarding to another host',
      (client: Client) => refusal((done) => client.forwardOut('127.0.0.1', 0, '127.0.0.1', 22, done)),
      /open failed|prohibited/,
    ],
    [
      'forwarding of a port of the node',
      (client: Client) => refusal((done) => client.forwardIn('127.0.0.1', 0, done)),
      /Unable to bind/,
    ],
  ])('refuses %s', async (_, ask, why) => {
    const node = await startSshd({ onExec: refusing });
    expect(await ask(await connect(node.endpoint))).toMatch(why);
    expect(node.commands).toEqual([]);
  });

  test.each(['powershell.exe -Command Get-Process', '; whoami', 'cmd /c dir', 'hcireg/1 probe; whoami', 'scp -t /tmp'])(
    'gives the command %j to the forced command as it is, and nothing else runs it',
    async (command) => {
      const node = await startSshd({ onExec: refusing });
      const client = await connect(node.endpoint);
      expect(await exitOf((opened) => client.exec(command, opened))).toMatchObject({
        status: 126,
        stderr: expect.stringContaining('only operations of hcireg'),
      });
      expect(node.commands).toEqual([command]);
    },
  );

  test('gives a shell to the forced command too', async () => {
    const node = await startSshd({ onExec: refusing });
    const client = await connect(node.endpoint);
    expect(await exitOf((opened) => client.shell(false, opened))).toMatchObject({ status: 126 });
    expect(node.commands).toEqual(['']);
  });

  test('says that the node has an installed script when one is sent', async () => {
    const node = await startSshd({ onExec: refusing });
    expect(await run({ ...node.endpoint, execution: 'Inline' }, 'sync', {})).toMatchObject({
      kind: 'protocol',
      exitStatus: 126,
      detail: expect.stringMatching(
        /^sync on NODE1: the node runs only its installed script .*\(exit status 126\): hcireg: only .*; use execution Dispatcher/,
      ),
    });
  });
});

describe.skipIf(!sshdIsInstalled())('OpenSSH sshd with a shell behind it', () => {
  test('starts powershell.exe with the bootstrap, which gets the script and the arguments on stdin', async () => {
    const arrived = signalOf<string>();
    const node = await startSshd({
      runs: 'shell',
      onExec: async (execution) => {
        arrived.resolve(await execution.stdin);
        await answering(success('initializeArcIntegration'))(execution);
      },
    });
    const resourceGroup = 'Größe "漢字" $(x)';
    const outcome = await run({ ...node.endpoint, execution: 'Inline' }, 'initializeArcIntegration', {
      ...arcArguments,
      resourceGroup,
    });
    expect(outcome).toMatchObject({ kind: 'ok', value: {} });
    const [, encoded = ''] =
      /^powershell\.exe -NoLogo -NoProfile -NonInteractive -ExecutionPolicy Bypass -EncodedCommand (\S+)$/.exec(
        node.commands[0] ?? '',
      ) ?? [];
    expect(Buffer.from(encoded, 'base64').toString('utf16le')).toBe(bootstrap());
    const text = await arrived.promise;
    expect(text).toMatch(/^[\x20-\x7e]*$/);
    expect(JSON.parse(text)).toEqual({
      script: nodeScript(),
      command: 'hcireg/1 initializeArcIntegration',
      correlationId: 'c0ffee',
      arguments: { ...arcArguments, resourceGroup },
    });
  });

  test('says that no script is installed when one is asked for', async () => {
    const node = await startSshd({ runs: 'shell' });
    expect(await run(node, 'sync', {})).toMatchObject({
      kind: 'protocol',
      exitStatus: 127,
      detail: expect.stringMatching(
        /^sync on NODE1: no forced command stands before the shell .*hcireg\/1.*; install the node script on the node, or use execution Inline$/,
      ),
    });
    expect(node.commands).toEqual([]);
  });
});
