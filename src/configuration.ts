import { readFile } from 'node:fs/promises';
import { Type, type Static } from 'typebox';
import { Value } from 'typebox/value';
import { parse } from 'yaml';

const endpoints = Type.Object(
  {
    resourceManager: Type.Optional(Type.String({ description: 'Azure Resource Manager.' })),
    login: Type.Optional(Type.String({ description: 'Microsoft Entra.' })),
    graph: Type.Optional(Type.String({ description: 'Microsoft Graph.' })),
    portal: Type.Optional(Type.String({ description: 'Azure portal.' })),
    resourceManagerScope: Type.Optional(
      Type.String({
        pattern: '/\\.default$',
        description: 'For what tokens for Resource Manager are asked, such as https://management.azure.com/.default.',
      }),
    ),
    graphScope: Type.Optional(
      Type.String({
        pattern: '/\\.default$',
        description: 'The same for Microsoft Graph. It is also given to the nodes.',
      }),
    ),
  },
  { additionalProperties: false },
);

export const ConfigurationSchema = Type.Object(
  {
    instanceId: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 36,
        pattern: '^[A-Za-z0-9-]+$',
        description: 'Says whose marks on Azure resources are ours. Default: the UID of the kube-system namespace.',
      }),
    ),
    clouds: Type.Object(
      {
        AzureCloud: Type.Optional(endpoints),
        AzureChinaCloud: Type.Optional(endpoints),
        AzureUSGovernment: Type.Optional(endpoints),
      },
      {
        additionalProperties: false,
        default: {},
        description: 'Hosts of a cloud, where they differ from the public ones.',
      },
    ),
    certificateAuthorityFile: Type.Optional(
      Type.String({ description: 'PEM file with further certificate authorities for these hosts.' }),
    ),
    managedIdentityNamespaces: Type.Array(Type.String(), {
      default: [],
      description: "Namespaces whose objects may use the controller's own identity (identity.type: ManagedIdentity).",
    }),
    allowLoopbackNodeAddresses: Type.Boolean({
      default: false,
      description: 'For a lab: nodes may have loopback addresses.',
    }),
    workers: Type.Integer({
      default: 32,
      minimum: 1,
      maximum: 64,
      description: 'Registrations that are worked on at the same time.',
    }),
    massDeletion: Type.Object(
      {
        limit: Type.Integer({
          default: 10,
          minimum: 0,
          description: 'So many clusters may be unregistered within the window; more are held until a person agrees.',
        }),
        windowMinutes: Type.Integer({ default: 10, minimum: 1, maximum: 1440, description: 'The window, in minutes.' }),
      },
      {
        additionalProperties: false,
        default: {},
        description: 'When the deletion of many objects at once is taken for a possible mistake.',
      },
    ),
    leaderElection: Type.Object(
      {
        enabled: Type.Boolean({
          default: true,
          description:
            'Of several replicas one works and the others stand by. Without it there must never be two controllers at once.',
        }),
        namespace: Type.Optional(
          Type.String({
            minLength: 1,
            description: "Namespace of the Lease. Default: the pod's own, else that of the kubeconfig's context.",
          }),
        ),
      },
      { additionalProperties: false, default: {}, description: 'A Lease says which replica works.' },
    ),
    server: Type.Object(
      {
        address: Type.Optional(Type.String({ minLength: 1, description: 'Default: all addresses of the pod.' })),
        port: Type.Integer({ default: 8080, minimum: 0, maximum: 65535, description: '0 takes a free one.' }),
      },
      {
        additionalProperties: false,
        default: {},
        description: 'Where /metrics, /healthz and /readyz are served, over plain HTTP.',
      },
    ),
    logLevel: Type.Enum(['debug', 'info', 'warn', 'error'], {
      type: 'string',
      default: 'info',
      description: 'Least level that is logged.',
    }),
  },
  { additionalProperties: false },
);
export type Configuration = Static<typeof ConfigurationSchema>;

/** @throws an Error that names file, field and what is wrong with it */
export async function readConfiguration(file: string | undefined): Promise<Configuration> {
  const content: unknown = file === undefined ? {} : await readYaml(file);
  const configuration = Value.Default(ConfigurationSchema, content ?? {});
  if (Value.Check(ConfigurationSchema, configuration)) return configuration;
  const problems = Value.Errors(ConfigurationSchema, configuration).map(
    ({ instancePath, message, keyword }) =>
      `${instancePath.slice(1).replaceAll('/', '.') || 'the file'} ${keyword === 'boolean' ? 'is not a known setting' : message}`,
  );
  throw new Error(`${file ?? 'the configuration'} is not valid: ${[...new Set(problems)].join('; ')}`);
}

async function readYaml(file: string): Promise<unknown> {
  try {
    return parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new Error(`${file} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}
