/** What a request is about, in few words: for metrics, which must not have a series for each object. */
export interface RequestedResource {
  /** As in RBAC: `get`, `list`, `watch`, `create`, `patch`, `delete`; server-side apply is `apply`. */
  verb: string;
  /** Empty for the core group, and for paths that are no resource. */
  group: string;
  /** The plural, and the subresource after a slash: `secrets`, `widgets/status`. Empty for other paths. */
  resource: string;
}

const resourcePath =
  /^\/(?:api|apis\/(?<group>[^/]+))\/v[^/]+(?:\/namespaces\/[^/]+(?=\/))?\/(?<plural>[^/]+)(?:\/(?<name>[^/]+)(?:\/(?<subresource>[^/]+))?)?$/;

export function resourceOf(
  request: { method: string; path: string; contentType?: string },
  kind: 'call' | 'watch',
): RequestedResource {
  const { group = '', plural = '', name, subresource } = resourcePath.exec(request.path)?.groups ?? {};
  return {
    verb: kind === 'watch' ? 'watch' : verbOf(request, name !== undefined),
    group,
    resource: subresource === undefined ? plural : `${plural}/${subresource}`,
  };
}

function verbOf({ method, contentType }: { method: string; contentType?: string }, isOneObject: boolean): string {
  switch (method) {
    case 'GET':
      return isOneObject ? 'get' : 'list';
    case 'POST':
      return 'create';
    case 'PATCH':
      return contentType === 'application/apply-patch+yaml' ? 'apply' : 'patch';
    default:
      return method.toLowerCase();
  }
}
