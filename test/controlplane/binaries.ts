import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, constants, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const kubernetesVersion = '1.37.2';
const versionPackages = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'];
const programs = ['etcd', 'kube-apiserver', 'kubectl', 'kube-controller-manager'] as const;

export type Binaries = Record<(typeof programs)[number], string>;

interface Build {
  program: keyof Binaries;
  module: 'etcd' | 'kubernetes';
  packagePath: string;
  linkerFlags: string;
}

// Without these kubectl refuses to talk: "could not parse pre-release/metadata" (the version would be v0.0.0-master+$Format:%H$).
const kubernetesLinkerFlags = [
  '-s -w',
  ...versionPackages.flatMap((path) => [
    `-X ${path}.gitVersion=v${kubernetesVersion}`,
    `-X ${path}.gitMajor=1`,
    `-X ${path}.gitMinor=37`,
    `-X ${path}.gitTreeState=clean`,
  ]),
].join(' ');

const builds: Build[] = [
  { program: 'etcd', module: 'etcd', packagePath: 'go.etcd.io/etcd/server/v3', linkerFlags: '-s -w' },
  ...(['kube-apiserver', 'kubectl', 'kube-controller-manager'] as const).map((program): Build => ({
    program,
    module: 'kubernetes',
    packagePath: `k8s.io/kubernetes/cmd/${program}`,
    linkerFlags: kubernetesLinkerFlags,
  })),
];

const modulesDirectory = join(import.meta.dirname, 'modules');
const run = promisify(execFile);

/**
 * The control plane's programs: from `KUBEBUILDER_ASSETS` where that is set, else from the user's cache, else built from the Go
 * modules pinned beside this file (about 9 minutes, once). Throws with what is missing and what to do.
 */
export async function controlPlaneBinaries(say: (line: string) => void): Promise<Binaries> {
  const assets = process.env['KUBEBUILDER_ASSETS'];
  if (assets !== undefined && assets !== '') {
    const missing = await missingPrograms(assets);
    if (missing.length > 0) {
      throw new Error(
        `KUBEBUILDER_ASSETS is ${assets}, which lacks ${missing.join(', ')}. Put them there, or unset it to have them built.`,
      );
    }
    return pathsIn(assets);
  }
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  const directory = join(
    cache,
    'hci-registration-controller',
    `controlplane-${kubernetesVersion}-${await fingerprint()}`,
  );
  if ((await missingPrograms(directory)).length > 0) await build(directory, say);
  return pathsIn(directory);
}

async function build(directory: string, say: (line: string) => void): Promise<void> {
  const go = await run('go', ['version']).catch((cause: unknown) => {
    throw new Error(
      'The control plane for tests is built from source with Go 1.26 or newer, and `go version` does not run. Install Go, or point KUBEBUILDER_ASSETS at a folder with etcd, kube-apiserver, kube-controller-manager and kubectl.',
      { cause },
    );
  });
  await mkdir(join(directory, '..'), { recursive: true });
  const building = await mkdtemp(`${directory}-building-`);
  say(`Building Kubernetes ${kubernetesVersion} and etcd from source with ${go.stdout.trim()}.`);
  say('This happens once and takes about 9 minutes on 2 cores, plus about 1 GB of downloads.');
  try {
    for (const [index, { program, module, packagePath, linkerFlags }] of builds.entries()) {
      const started = Date.now();
      say(`  ${index + 1}/${builds.length} ${program} …`);
      await run('go', ['build', '-trimpath', '-ldflags', linkerFlags, '-o', join(building, program), packagePath], {
        cwd: join(modulesDirectory, module),
        env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly' },
        maxBuffer: 64 * 1024 * 1024,
      }).catch((cause: unknown) => {
        const output =
          cause instanceof Error && 'stderr' in cause
            ? String(cause.stderr).split('\n').slice(-15).join('\n')
            : String(cause);
        throw new Error(`Building ${program} failed. The last lines of go build:\n${output}`, { cause });
      });
      say(`  ${index + 1}/${builds.length} ${program} built in ${Math.round((Date.now() - started) / 1000)} s`);
    }
    // Two builds may have run at once: the first to arrive wins, and both are the same.
    await rename(building, directory).catch(async (cause: unknown) => {
      if ((await missingPrograms(directory)).length > 0) throw cause;
    });
  } finally {
    await rm(building, { recursive: true, force: true });
  }
}

async function fingerprint(): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(builds));
  for (const module of ['etcd', 'kubernetes']) {
    for (const file of ['go.mod', 'go.sum']) hash.update(await readFile(join(modulesDirectory, module, file)));
  }
  return hash.digest('hex').slice(0, 12);
}

async function missingPrograms(directory: string): Promise<string[]> {
  const present = await Promise.all(
    programs.map((program) =>
      access(join(directory, program), constants.X_OK).then(
        () => true,
        () => false,
      ),
    ),
  );
  return programs.filter((_, index) => present[index] !== true);
}

function pathsIn(directory: string): Binaries {
  return {
    etcd: join(directory, 'etcd'),
    'kube-apiserver': join(directory, 'kube-apiserver'),
    kubectl: join(directory, 'kubectl'),
    'kube-controller-manager': join(directory, 'kube-controller-manager'),
  };
}
