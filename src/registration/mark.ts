/** The tag on a cluster resource: <instanceId>/<namespace>/<name>. Undefined when it is not of that form. */
export function parseMark(mark: string | undefined): { instanceId: string; object: string } | undefined {
  const [, instanceId, object] = /^([^/]+)\/([^/]+\/[^/]+)$/.exec(mark ?? '') ?? [];
  return instanceId === undefined || object === undefined ? undefined : { instanceId, object };
}

/** The same object, maybe in another management cluster: a restored one. */
export const marksSameObject = (mark: string | undefined, other: string): boolean => {
  const object = parseMark(mark)?.object;
  return object !== undefined && object === parseMark(other)?.object;
};
