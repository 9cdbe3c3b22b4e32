import { ConfigurationSchema } from '../src/configuration.ts';
import { describeObject, page, readSchema } from './generate-markdown.ts';

const example = `\`\`\`yaml
instanceId: fleet-west
managedIdentityNamespaces: [platform]
certificateAuthorityFile: /etc/hci-registration-controller/corporate-ca.pem
workers: 8
logLevel: info
\`\`\``;

/** docs/configuration.md: the controller's own configuration. */
export function configurationPage(path: string): Promise<string> {
  return page(path, 'src/configuration.ts', [
    '# Configuration',
    'The controller reads one YAML file, named by `--config`. Every field has a default, and without the flag all defaults hold. It is read once: restart the controller after a change. A field that does not exist, or a value that does not fit, ends it at once with a message that names the file and the field.',
    'In `deploy/controller.yaml` the file is the key `controller.yaml` of the ConfigMap `hci-registration-controller` in the namespace `hci-system`. An example:',
    example,
    ...describeObject(['configuration'], readSchema(ConfigurationSchema)),
    '## Command line',
    [
      '- `--config FILE`: the configuration.',
      '- `--namespace NAMESPACE`: only the registrations of this namespace. Without it: all.',
      '- `--help`: the usage.',
    ].join('\n'),
    'The Kubernetes API server is found as by kubectl: `KUBECONFIG`, else the ServiceAccount of the pod.',
  ]);
}
