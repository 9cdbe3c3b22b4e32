import { valueOf } from '../facts.ts';
import { certificateNeed, certificatesToUpload, notCarried } from '../certificates.ts';
import { members, stepKey, underWay, unread, type Step } from '../step.ts';

export interface UploadCertificateArguments {
  resourceId: string;
  certificates: string[];
  /** Identifies the set of certificates. */
  thumbprints: string;
}

/**
 * One upload carries the certificates of all members, of each the one in use and the one that takes its place, so that an upload that
 * replaces what was there breaks nobody. Its effect cannot be
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
  makesAnew: true,
  affects: () => [],
  evaluate(input) {
    const { target, observed, memory } = input;
    const on = target.resourceName;
    const { resource } = observed;
    if (resource.state !== 'present') return [unread(on, resource)];
    const all = members(input);
    const unreadNode = all.find(({ probe }) => probe === undefined);
    if (unreadNode !== undefined) return [unread(on, unreadNode.fact)];
    const needs = all.flatMap(({ probe }) =>
      probe === undefined ? [] : certificateNeed(input, probe, resource.value),
    );
    const wanting = needs.filter(({ need }) => need !== 'none');
    if (wanting.length === 0) return [{ state: 'Done', on }];
    const renews = wanting.every((one) => one.renews !== undefined) ? wanting[0]?.renews : undefined;
    if (observed.cluster.state !== 'present') return [unread(on, observed.cluster)];
    const foreign = notCarried(input, resource.value);
    if (foreign.length > 0) {
      const message = `The certificates of ${foreign.join(', ')} were not made by this controller, so they cannot be uploaded together with the new ones. To make new ones for all nodes, annotate the object with azurestackhci.io/repair-requested-at.`;
      return [{ state: 'Blocked', on, reason: 'CertificateMissing', message }];
    }
    const certificates = certificatesToUpload(input);
    const thumbprints = certificates.map(({ thumbprint }) => thumbprint).join(',');
    const key = stepKey('UploadCertificate', on);
    if (memory.operations.get(key)?.detail === thumbprints) {
      if (/^Succeeded$/i.test(valueOf(observed.operations[key])?.status ?? '')) return [{ state: 'Done', on }];
      const pending = underWay(input, 'UploadCertificate', on, []);
      if (pending !== undefined) return [{ ...pending, renews }];
    }
    return [
      {
        state: 'Ready',
        on,
        renews,
        arguments: {
          resourceId: target.resourceId,
          certificates: certificates.map(({ certificate }) => certificate),
          thumbprints,
        },
      },
    ];
  },
};
