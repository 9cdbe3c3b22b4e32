import { readFile } from 'node:fs/promises';

/** What a process uses, as Linux tells in /proc. */
export interface Resources {
  residentMiB: number;
  /** The most that it was. */
  peakMiB: number;
  /** Of what is resident, pages of files: the program itself above all. */
  fileMiB: number;
  /** Processor time since it was started. */
  cpuSeconds: number;
}

/** Of the times in /proc, on every Linux that Node runs on. */
const ticksPerSecond = 100;

export async function resourcesOf(pid: number): Promise<Resources> {
  const [status, stat] = await Promise.all([
    readFile(`/proc/${pid}/status`, 'utf8'),
    readFile(`/proc/${pid}/stat`, 'utf8'),
  ]);
  return parseResources(status, stat);
}

/** The contents of /proc/<pid>/status and /proc/<pid>/stat. */
export function parseResources(status: string, stat: string): Resources {
  const mebibytes = (field: string) => {
    const [, kibibytes] = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status) ?? [];
    if (kibibytes === undefined) throw new Error(`/proc/<pid>/status has no ${field}`);
    return Number(kibibytes) / 1024;
  };
  // The name in parentheses may hold spaces; utime and stime are the 12th and 13th after it.
  const times = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13);
  const cpuSeconds = times.reduce((sum, ticks) => sum + Number(ticks), 0) / ticksPerSecond;
  return { residentMiB: mebibytes('VmRSS'), peakMiB: mebibytes('VmHWM'), fileMiB: mebibytes('RssFile'), cpuSeconds };
}
