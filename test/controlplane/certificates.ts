import 'reflect-metadata'; // for @peculiar/x509's dependency container
import * as x509 from '@peculiar/x509';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const validity = () => ({
  notBefore: new Date(Date.now() - 3_600_000),
  notAfter: new Date(Date.now() + 30 * 86_400_000),
});

export interface KeyPair {
  certificatePem: string;
  privateKeyPem: string;
}

export interface CertificateAuthority {
  certificatePem: string;
  issueServer(names: x509.JsonGeneralNames): Promise<KeyPair>;
  issueClient(subject: { commonName: string; organization?: string }): Promise<KeyPair>;
}

/** A certificate authority that lives as long as the process: for the servers that tests start. */
export async function createCertificateAuthority(commonName: string): Promise<CertificateAuthority> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [commonName] }],
    keys,
    signingAlgorithm: algorithm,
    ...validity(),
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });

  const issue = async (subject: x509.JsonName, usage: x509.ExtendedKeyUsage, names?: x509.JsonGeneralNames) => {
    const leaf = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
    const certificate = await x509.X509CertificateGenerator.create({
      subject,
      issuer: authority.subjectName,
      publicKey: leaf.publicKey,
      signingKey: keys.privateKey,
      signingAlgorithm: algorithm,
      ...validity(),
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([usage]),
        await x509.AuthorityKeyIdentifierExtension.create(keys.publicKey),
        ...(names === undefined ? [] : [new x509.SubjectAlternativeNameExtension(names)]),
      ],
    });
    return { certificatePem: certificate.toString('pem'), privateKeyPem: await privateKeyPem(leaf.privateKey) };
  };

  return {
    certificatePem: authority.toString('pem'),
    issueServer: (names) => issue([{ CN: ['server'] }], x509.ExtendedKeyUsage.serverAuth, names),
    issueClient: ({ commonName: client, organization }) =>
      issue(
        [{ CN: [client] }, ...(organization === undefined ? [] : [{ O: [organization] }])],
        x509.ExtendedKeyUsage.clientAuth,
      ),
  };
}

/** An RSA key pair for ServiceAccount tokens. */
export async function createSigningKey(): Promise<{ publicKeyPem: string; privateKeyPem: string }> {
  const keys = await crypto.subtle.generateKey(
    { name: 'RSASSA-PKCS1-v1_5', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' },
    true,
    ['sign', 'verify'],
  );
  return {
    publicKeyPem: x509.PemConverter.encode(await crypto.subtle.exportKey('spki', keys.publicKey), 'PUBLIC KEY'),
    privateKeyPem: await privateKeyPem(keys.privateKey),
  };
}

async function privateKeyPem(key: CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}
