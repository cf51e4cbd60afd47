// Makes keyless bundles for a file, and the trust root that they are verified with, by a certificate authority and logs of
// this process: node bundles.js FILE FOLDER COMMIT SIGNER REPOSITORY
'use strict';
const crypto = require('crypto');
const fs = require('fs');
const path = require('path');
const { initializeCA, initializeCTLog, initializeTLog } = require('@sigstore/mock');

const base64 = (bytes) => Buffer.from(bytes).toString('base64');
const sha256 = (bytes) => crypto.createHash('sha256').update(bytes).digest();
const keyPair = () => crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ISSUER = 'https://token.actions.githubusercontent.com';
const STATEMENT = 'application/vnd.in-toto+json';

/** The members of a bundle about a log entry. */
function bundle(certificate, answer, kind, content) {
  const entry = Object.values(answer)[0];
  const proof = entry.verification.inclusionProof;
  const hex = (text) => base64(Buffer.from(text, 'hex'));
  return {
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: {
      certificate: { rawBytes: base64(certificate) },
      tlogEntries: [
        {
          logIndex: String(entry.logIndex),
          logId: { keyId: hex(entry.logID) },
          kindVersion: { kind, version: '0.0.1' },
          integratedTime: String(entry.integratedTime),
          inclusionPromise: { signedEntryTimestamp: entry.verification.signedEntryTimestamp },
          inclusionProof: {
            logIndex: String(proof.logIndex),
            rootHash: hex(proof.rootHash),
            treeSize: String(proof.treeSize),
            hashes: (proof.hashes || []).map(hex),
            checkpoint: { envelope: proof.checkpoint },
          },
          canonicalizedBody: entry.body,
        },
      ],
    },
    ...content,
  };
}

async function main([file, folder, commit, signer, repository]) {
  const write = (name, value) => fs.writeFileSync(path.join(folder, name), typeof value === 'string' ? value : JSON.stringify(value));
  const certificates = await initializeCTLog(keyPair());
  const authority = await initializeCA(keyPair(), certificates);
  const log = await initializeTLog('https://rekor.example', keyPair());
  const leaf = keyPair();
  const claim = (number, value) => ({ oid: `1.3.6.1.4.1.57264.1.${number}`, value });
  const certificate = await authority.issueCertificate({
    publicKey: leaf.publicKey.export({ type: 'spki', format: 'der' }),
    subjectAltName: signer,
    extensions: [
      { ...claim(1, ISSUER), legacy: true },
      claim(8, ISSUER),
      claim(9, signer),
      claim(11, 'github-hosted'),
      claim(12, repository),
      claim(13, commit),
      claim(14, 'refs/heads/main'),
      claim(15, '17'),
      claim(21, `${repository}/actions/runs/1/attempts/1`),
    ],
  });
  const pem = `-----BEGIN CERTIFICATE-----\n${base64(certificate).match(/.{1,64}/g).join('\n')}\n-----END CERTIFICATE-----\n`;
  const verifier = base64(pem);
  const data = fs.readFileSync(file);
  const digest = sha256(data);

  const signature = base64(crypto.sign('sha256', data, leaf.privateKey));
  const blob = await log.log({
    apiVersion: '0.0.1',
    kind: 'hashedrekord',
    spec: {
      data: { hash: { algorithm: 'sha256', value: digest.toString('hex') } },
      signature: { content: signature, publicKey: { content: verifier } },
    },
  });
  const messageSignature = { messageDigest: { algorithm: 'SHA2_256', digest: base64(digest) }, signature };
  write('blob.sigstore.json', bundle(certificate, blob, 'hashedrekord', { messageSignature }));
  const entry = Object.values(blob)[0];
  const { body, integratedTime, logIndex, logID } = entry;
  write('blob.cosign.bundle', {
    base64Signature: signature,
    cert: verifier,
    rekorBundle: {
      SignedEntryTimestamp: entry.verification.signedEntryTimestamp,
      Payload: { body, integratedTime, logIndex, logID },
    },
  });
  write('blob.sig', signature);
  write('blob.pem', pem);

  const statement = Buffer.from(
    JSON.stringify({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ name: path.basename(file), digest: { sha256: digest.toString('hex') } }],
      predicateType: 'https://slsa.dev/provenance/v1',
      predicate: {
        buildDefinition: {
          buildType: 'https://actions.github.io/buildtypes/workflow/v1',
          externalParameters: { workflow: { ref: 'refs/heads/main', repository, path: '.github/workflows/release.yml' } },
          resolvedDependencies: [{ uri: `git+${repository}@refs/heads/main`, digest: { gitCommit: commit } }],
        },
        runDetails: {
          builder: { id: 'https://github.com/actions/runner/github-hosted' },
          metadata: { invocationId: `${repository}/actions/runs/1/attempts/1` },
        },
      },
    }),
  );
  const signed = Buffer.concat([Buffer.from(`DSSEv1 ${STATEMENT.length} ${STATEMENT} ${statement.length} `), statement]);
  const sig = base64(crypto.sign('sha256', signed, leaf.privateKey));
  const envelope = { payloadType: STATEMENT, payload: base64(statement), signatures: [{ sig }] };
  const attested = await log.log({
    apiVersion: '0.0.1',
    kind: 'dsse',
    spec: {
      envelopeHash: { algorithm: 'sha256', value: sha256(JSON.stringify(envelope)).toString('hex') },
      payloadHash: { algorithm: 'sha256', value: sha256(statement).toString('hex') },
      signatures: [{ signature: sig, verifier }],
    },
  });
  write('provenance.sigstore.json', bundle(certificate, attested, 'dsse', { dsseEnvelope: envelope }));
  write('bare.intoto.jsonl', `${JSON.stringify(envelope)}\n`);

  const validFor = { start: new Date(Date.now() - 3600e3).toISOString() };
  const key = (bytes) => ({ rawBytes: base64(bytes), keyDetails: 'PKIX_ECDSA_P256_SHA_256', validFor });
  const trusted = (baseUrl, bytes, id) => ({
    baseUrl,
    hashAlgorithm: 'SHA2_256',
    publicKey: key(bytes),
    logId: { keyId: base64(id) },
  });
  write('trusted_root.json', {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [trusted('https://rekor.example', log.publicKey, sha256(log.publicKey))],
    certificateAuthorities: [
      {
        subject: { organization: 'sigstore.mock', commonName: 'sigstore' },
        uri: 'https://fulcio.example',
        certChain: { certificates: [{ rawBytes: base64(authority.rootCertificate) }] },
        validFor,
      },
    ],
    ctlogs: [trusted('https://ct.example', certificates.publicKey, certificates.logID)],
    timestampAuthorities: [],
  });
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exit(1);
});
