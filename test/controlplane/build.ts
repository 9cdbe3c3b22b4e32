import { controlPlaneBinaries } from './binaries.ts';

/** Before any test: the control plane's programs, so that no test's time limit covers their build. */
export default async function setup(): Promise<void> {
  await controlPlaneBinaries((line) => void process.stderr.write(`${line}\n`));
}
