import { readFile } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { Agent, fetch } from 'undici';
import { parse } from 'yaml';
import { apiVersion, group, version } from '../../../src/api/group.ts';
import { createKubeClient } from '../../../src/kube/client.ts';
import { loadKubeConfig } from '../../../src/kube/kubeconfig.ts';

// A controller of one write: it makes a resource group and says Ready. `--memory steady` finds the group again by its name;
// `--memory forgetful` makes up a name, which is lost when it is killed: the harness has to notice.

const Configuration = Type.Object({
  clouds: Type.Object({ AzureCloud: Type.Object({ resourceManager: Type.String(), login: Type.String() }) }),
  certificateAuthorityFile: Type.String(),
});
const Registrations = Type.Object({
  items: Type.Array(
    Type.Object({
      metadata: Type.Object({ name: Type.String() }),
      spec: Type.Object({
        azure: Type.Object({
          tenantId: Type.String(),
          subscriptionId: Type.String(),
          identity: Type.Object({ clientSecret: Type.Object({ clientId: Type.String() }) }),
        }),
      }),
    }),
  ),
});
const AzureSecret = Type.Object({ data: Type.Object({ clientSecret: Type.String() }) });
const Token = Type.Object({ access_token: Type.String() });

const { values } = parseArgs({
  options: { config: { type: 'string' }, namespace: { type: 'string' }, memory: { type: 'string' } },
});
const { config = '', namespace = '', memory } = values;
const configuration = Value.Parse(Configuration, parse(await readFile(config, 'utf8')));
const dispatcher = new Agent({ connect: { ca: await readFile(configuration.certificateAuthorityFile, 'utf8') } });
const kube = createKubeClient(await loadKubeConfig(), { userAgent: 'toy', requestTimeoutMs: 5_000 });
const name = memory === 'steady' ? 'toy' : randomUUID();
const { resourceManager, login } = configuration.clouds.AzureCloud;

async function reconcile(): Promise<void> {
  const path = `/apis/${group}/${version}/namespaces/${namespace}/hciclusterregistrations`;
  const [object] = Value.Parse(Registrations, await kube.request({ method: 'GET', path })).items;
  if (object === undefined) throw new Error('there is no registration yet');
  const { tenantId, subscriptionId, identity } = object.spec.azure;
  const secretPath = `/api/v1/namespaces/${namespace}/secrets/${object.metadata.name}-azure`;
  const { data } = Value.Parse(AzureSecret, await kube.request({ method: 'GET', path: secretPath }));
  const signIn = await fetch(`${login}/${tenantId}/oauth2/v2.0/token`, {
    dispatcher,
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      scope: 'https://management.azure.com/.default',
      client_id: identity.clientSecret.clientId,
      client_secret: Buffer.from(data.clientSecret, 'base64').toString('utf8'),
    }),
  });
  const { access_token } = Value.Parse(Token, await signIn.json());
  const url = `${resourceManager}/subscriptions/${subscriptionId}/resourceGroups/${name}?api-version=2022-09-01`;
  const made = await fetch(url, {
    dispatcher,
    method: 'PUT',
    headers: { authorization: `Bearer ${access_token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ location: 'eastus', tags: {} }),
  });
  if (!made.ok) throw new Error(`the group was refused: ${made.status}`);
  const ready = {
    type: 'Ready',
    status: 'True',
    reason: 'Ready',
    message: '',
    observedGeneration: 1,
    lastTransitionTime: new Date(),
  };
  await kube.request({
    method: 'PATCH',
    path: `${path}/${object.metadata.name}/status`,
    query: { fieldManager: 'toy', force: 'true' },
    contentType: 'application/apply-patch+yaml',
    body: {
      apiVersion,
      kind: 'HciClusterRegistration',
      metadata: { name: object.metadata.name, namespace },
      status: { conditions: [ready] },
    },
  });
}

for (;;) {
  try {
    await reconcile();
    await new Promise(() => setInterval(() => undefined, 60_000));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    await delay(100);
  }
}
