import { afterEach, describe, expect, test } from 'vitest';
import { answerCases } from './answer-cases.ts';
import { cleanUp } from './fixtures.ts';
import { identityCases } from './identity-cases.ts';
import { lossCases } from './loss-cases.ts';
import { sshdIsInstalled, startSshd } from './sshd.ts';

afterEach(cleanUp);

test.runIf(process.env['CI'] === 'true')('sshd is installed', () => {
  expect(sshdIsInstalled(), 'install openssh-server: these tests are not skipped in CI').toBe(true);
});

describe.skipIf(!sshdIsInstalled())(
  'SSH client against OpenSSH sshd (skipped where openssh-server is not installed)',
  () => {
    identityCases(startSshd);
    answerCases(startSshd);
    lossCases(startSshd);
  },
);
