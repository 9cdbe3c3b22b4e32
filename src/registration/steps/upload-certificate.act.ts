import { apiVersions } from '../../azure/reads.ts';
import type { Act } from '../clients.ts';
import type { UploadCertificateArguments } from './upload-certificate.ts';

export const uploadCertificate: Act<UploadCertificateArguments> = async (
  { arm, signal },
  { resourceId, certificates, thumbprints },
) => {
  const { operationUrl } = await arm.send({
    method: 'POST',
    path: `${resourceId}/uploadCertificate`,
    apiVersion: apiVersions.cluster,
    body: { properties: { certificates } },
    signal,
  });
  return { operationUrl, detail: thumbprints };
};
