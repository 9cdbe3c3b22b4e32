import { valueOf } from '../facts.ts';
import { certificateSet, members, stepKey, underWay, unread, type Step } from '../step.ts';

export interface UploadCertificateArguments {
  resourceId: string;
  certificates: string[];
  /** Identifies the set of certificates. */
  thumbprints: string;
}

/**
 * One upload carries the certificates of all members, so that an upload that replaces what was there breaks nobody. Its effect cannot be
 * read back without rights on the application, so a restart in between uploads the same certificates once more, which changes nothing.
 */
export const uploadCertificate: Step<UploadCertificateArguments> = {
  microsoft: {
    words: 'Upload the certificates to the application',
    command: 'Invoke-AzResourceAction uploadCertificate',
  },
  // Certificates may be left from an earlier try, so that their step tells nothing of the application.
  after: ['CreateClusterIdentity', 'NewRegistrationCertificate'],
  submits: { waitSeconds: 300 },
  affects: () => [],
  evaluate(input) {
    const { target, observed, memory } = input;
    const on = target.resourceName;
    const { resource } = observed;
    if (resource.state !== 'present') return [unread(on, resource)];
    const all = members(input);
    const unreadNode = all.find(({ probe }) => probe === undefined);
    if (unreadNode !== undefined) return [unread(on, unreadNode.fact)];
    if (all.every(({ probe }) => probe !== undefined && certificateSet(probe, input, resource.value)))
      return [{ state: 'Done', on }];
    if (observed.cluster.state !== 'present') return [unread(on, observed.cluster)];
    // An upload may replace what is there: it must not leave out a member's certificate that is in use.
    const foreign = all
      .filter(({ probe }) => probe?.certificate.created === null && certificateSet(probe, input, resource.value))
      .map(({ name }) => name);
    if (foreign.length > 0) {
      const message = `The certificates of ${foreign.join(', ')} were not made by this controller, so they cannot be uploaded together with the new ones. Run Register-AzStackHCI -RepairRegistration on the cluster.`;
      return [{ state: 'Blocked', on, reason: 'CertificateMissing', message }];
    }
    const created = all.flatMap(({ probe }) => probe?.certificate.created ?? []);
    const thumbprints = created
      .map(({ thumbprint }) => thumbprint)
      .toSorted()
      .join(',');
    const key = stepKey('UploadCertificate', on);
    if (memory.operations.get(key)?.detail === thumbprints) {
      if (/^Succeeded$/i.test(valueOf(observed.operations[key])?.status ?? '')) return [{ state: 'Done', on }];
      const pending = underWay(input, 'UploadCertificate', on, []);
      if (pending !== undefined) return [pending];
    }
    return [
      {
        state: 'Ready',
        on,
        arguments: {
          resourceId: target.resourceId,
          certificates: created.map(({ certificate }) => certificate),
          thumbprints,
        },
      },
    ];
  },
};
