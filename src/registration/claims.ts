/** Which object makes which cluster resource. Seeing another's mark on it would come too late: both might have seen that it was absent. */
export interface Claims {
  /** The other object that claimed it first. */
  holder(resourceId: string, key: string): string | undefined;
  claim(resourceId: string, key: string): void;
  release(key: string): void;
}

export function createClaims(): Claims {
  const claims = new Map<string, string>();
  return {
    holder(resourceId, key) {
      const holder = claims.get(resourceId.toLowerCase());
      return holder === key ? undefined : holder;
    },
    claim: (resourceId, key) => void claims.set(resourceId.toLowerCase(), key),
    release(key) {
      for (const [id, holder] of claims) if (holder === key) claims.delete(id);
    },
  };
}
