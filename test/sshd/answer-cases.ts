import { describe, expect, test } from 'vitest';
import { frame, operationsVersion } from '../../src/nodes/operations.ts';
import {
  answering,
  arcArguments,
  clusterProbe,
  framed,
  operationOf,
  options,
  run,
  signalOf,
  success,
  transport,
} from './fixtures.ts';
import type { StartNodeServer } from './node-server.ts';

// What goes to a node, and what is made of its answers.

export const answerCases = (start: StartNodeServer): void => {
  describe('a good node', () => {
    test('gets the command and the document, and its result comes back', async () => {
      const documents: string[] = [];
      const node = await start({
        onExec: async (execution) => {
          documents.push(await execution.stdin);
          await answering(success('clusterProbe', clusterProbe))(execution);
        },
      });
      expect(await run(node, 'clusterProbe', {})).toMatchObject({ kind: 'ok', value: clusterProbe });
      expect(node.commands).toEqual([`hcireg/${operationsVersion} clusterProbe`]);
      expect(documents.map((text) => JSON.parse(text))).toEqual([{ correlationId: 'c0ffee', arguments: {} }]);
    });

    test('gets non-ASCII arguments intact, as pure ASCII', async () => {
      const arrived = signalOf<string>();
      const node = await start({
        onExec: (execution) => {
          void execution.stdin.then(arrived.resolve);
          return answering(success('initializeArcIntegration'))(execution);
        },
      });
      const resourceGroup = 'Größe "漢字" $(x) `whoami` ; \u0000 😀';
      await run(node, 'initializeArcIntegration', { ...arcArguments, resourceGroup });
      const text = await arrived.promise;
      expect(text).toMatch(/^[\x20-\x7e]*$/);
      expect(JSON.parse(text)).toMatchObject({ arguments: { resourceGroup } });
    });

    test('is connected to once for many operations', async () => {
      const node = await start({
        onExec: (execution) => answering(success(operationOf(execution), clusterProbe))(execution),
      });
      const shared = transport();
      const outcomes = await Promise.all(
        Array.from({ length: 8 }, () => shared.run(node.endpoint, 'clusterProbe', {}, options())),
      );
      expect(outcomes.map(({ kind }) => kind)).toEqual(Array.from({ length: 8 }, () => 'ok'));
      expect(node.counts().connections).toBe(1);
      expect(node.counts().mostExecuting).toBeLessThanOrEqual(3);
    });

    test('is left when nothing is asked for a while, and found again', async () => {
      const node = await start({ onExec: answering(success('clusterProbe', clusterProbe)) });
      const shared = transport({ idleSeconds: 0 });
      for (let visit = 1; visit <= 2; visit += 1) {
        expect((await shared.run(node.endpoint, 'clusterProbe', {}, options())).kind).toBe('ok');
        await expect.poll(() => node.counts().open).toBe(0);
        expect(node.counts().connections).toBe(visit);
      }
    });

    test('never has two operations that mutate at once, and reading goes on beside one', async () => {
      const blocked = signalOf();
      const started: string[] = [];
      const node = await start({
        onExec: async (execution) => {
          const operation = operationOf(execution);
          started.push(operation);
          if (operation === 'sync') await blocked.promise;
          await answering(success(operation, operation === 'clusterProbe' ? clusterProbe : {}))(execution);
        },
      });
      const shared = transport();
      const sync = shared.run(node.endpoint, 'sync', {}, options());
      await expect.poll(() => started).toEqual(['sync']);
      const second = shared.run(node.endpoint, 'removeCustomImdsHostAddress', {}, options());
      expect((await shared.run(node.endpoint, 'clusterProbe', {}, options())).kind).toBe('ok');
      expect(started).toEqual(['sync', 'clusterProbe']);
      blocked.resolve();
      expect((await sync).kind).toBe('ok');
      expect((await second).kind).toBe('ok');
      expect(started).toEqual(['sync', 'clusterProbe', 'removeCustomImdsHostAddress']);
    });

    test('that says no gives an operation error without the secret', async () => {
      const error = {
        message: "The secret 'T0p~secret' is\r\nwrong",
        id: 'X,Y',
        reason: 'HciException',
        position: 'line 1',
      };
      const node = await start({
        onExec: answering(framed({ v: operationsVersion, op: 'initializeArcIntegration', ok: false, error }), 10),
      });
      expect(await run(node, 'initializeArcIntegration', arcArguments)).toEqual({
        kind: 'operationError',
        error: { ...error, message: "The secret '(redacted)' is wrong" },
      });
    });
  });

  describe('a dirty answer', () => {
    test('split anywhere, with noise around and an older frame before it', async () => {
      const whole = `noise${success('sync', { old: true })}\r\nmore\r\n${success('sync')}\r\ntail`;
      const node = await start({
        onExec: async (execution) => {
          await execution.stdin;
          for (const character of whole) await execution.stdout(character);
          execution.exit(0);
        },
      });
      expect(await run(node, 'sync', {})).toMatchObject({ kind: 'ok', value: {} });
    });

    test('after a banner before authentication, and what a login prints on stdout', async () => {
      const node = await start({
        banner: 'Authorised use only.\r\n<<<HCIREG{"v":1}HCIREG>>>\r\n',
        onExec: answering(`Welcome!\r\n\u001b[1mIt is Monday.\u001b[0m\r\n${success('sync')}`),
      });
      expect(await run(node, 'sync', {})).toMatchObject({ kind: 'ok', value: {} });
    });

    test('CLIXML on stderr is diagnostics', async () => {
      const xml =
        '#< CLIXML\r\n<Objs Version="1.1.0.1"><S S="progress">x</S><S S="Error">Get-Thing : can&apos;t &lt;do&gt; it_x000D__x000A_</S><S S="Error">T0p~sec_x000D__x000A_ret</S></Objs>';
      const node = await start({
        onExec: async (execution) => {
          await execution.stderr(xml);
          await answering('no frame', 1)(execution);
        },
      });
      expect(await run(node, 'initializeArcIntegration', arcArguments)).toEqual({
        kind: 'protocol',
        sent: true,
        exitStatus: 1,
        detail:
          "initializeArcIntegration on NODE1: no complete frame came (exit status 1): Get-Thing : can't <do> it (redacted); run Test-HciRegistrationNode.ps1 on the node",
      });
    });

    test('that is no whole, fitting answer is a protocol fault, whatever the exit status says', async () => {
      const answers: readonly (readonly [what: string, stdout: string, exitStatus: number])[] = [
        ['no frame', 'hello', 0],
        ['half a frame after a whole one', `${success('sync')}${frame.open}{"v":1`, 0],
        ['not JSON', `${frame.open}{${frame.close}`, 0],
        ['another version', framed({ v: operationsVersion + 1, op: 'sync', ok: true, result: {} }), 0],
        ['another operation', success('probe'), 0],
        ['a result that does not fit', success('sync', { extra: 1 }), 0],
        ['success with the failure status', success('sync'), 10],
        ['success with any other status', success('sync'), 1],
        ['a script that refuses', '', 126],
      ];
      const remaining = [...answers];
      const node = await start({
        onExec: (execution) => {
          const [, stdout = '', exitStatus = 0] = remaining.shift() ?? [];
          return answering(stdout, exitStatus)(execution);
        },
      });
      const shared = transport();
      for (const [what, , exitStatus] of answers) {
        expect(await shared.run(node.endpoint, 'sync', {}, options()), what).toMatchObject({
          kind: 'protocol',
          sent: true,
          exitStatus,
          detail: expect.stringMatching(/^sync on NODE1: .+ \(exit status \d+\).*; (install|run) .+/),
        });
      }
      expect(node.counts().connections).toBe(1);
    });

    test('an endless one is stopped, and the connection stays good', async () => {
      let endless = true;
      const node = await start({
        onExec: async (execution) => {
          if (!endless) {
            await answering(success('sync'))(execution);
            return;
          }
          const chunk = 'x'.repeat(64 * 1024);
          while (await execution.stdout(chunk)) await execution.stderr('y');
        },
      });
      const shared = transport({ outputBytes: 1024 * 1024 });
      const outcome = await shared.run(node.endpoint, 'sync', {}, options());
      expect(outcome).toMatchObject({
        kind: 'protocol',
        sent: true,
        detail: expect.stringMatching(/^sync on NODE1: more than 1048576 bytes came; /),
      });
      endless = false;
      expect((await shared.run(node.endpoint, 'sync', {}, options())).kind).toBe('ok');
      expect(node.counts().connections).toBe(1);
    });

    test('a channel that something keeps open after the exit status is given up', async () => {
      const node = await start({
        onExec: async (execution) => {
          await execution.stdin;
          await execution.stdout(success('sync'));
          execution.exitHoldingStdout(0);
        },
      });
      const shared = transport({ closeGraceSeconds: 0.3 });
      for (let time = 1; time <= 2; time += 1)
        expect((await shared.run(node.endpoint, 'sync', {}, options())).kind).toBe('ok');
      expect(node.counts().connections).toBe(1);
    });
  });
};
