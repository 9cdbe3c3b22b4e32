import type { Runtime } from './runtime.ts';

// What powershell.exe writes to a stderr that is redirected.

const escapeXml = (text: string): string =>
  text
    .replace(/_x([0-9A-Fa-f]{4})_/g, '_x005F_x$1_')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replace(
      /[^\u0020-\uffff]/g,
      (character) => `_x${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}_`,
    );

const progress = (text: string): string =>
  '<Obj S="progress" RefId="0"><TN RefId="0"><T>System.Management.Automation.PSCustomObject</T><T>System.Object</T></TN>' +
  `<MS><I64 N="SourceId">1</I64><PR N="Record"><AV>${escapeXml(text)}</AV><AI>0</AI><Nil /><PI>-1</PI><PC>-1</PC><T>Completed</T><SR>-1</SR><SD> </SD></PR></MS></Obj>`;

/** Text that native programs wrote stands before it, as it came. */
export const cliXml = (entries: Runtime['stderr']): string => {
  const raw = entries
    .filter(({ kind }) => kind === 'raw')
    .map(({ text }) => text)
    .join('');
  const objects = entries
    .filter(({ kind }) => kind !== 'raw')
    .map(({ kind, text }) => (kind === 'progress' ? progress(text) : `<S S="Error">${escapeXml(`${text}\r\n`)}</S>`));
  if (objects.length === 0) return raw;
  const namespace = 'http://schemas.microsoft.com/powershell/2004/04';
  return `${raw}#< CLIXML\r\n<Objs Version="1.1.0.1" xmlns="${namespace}">${objects.join('')}</Objs>`;
};
