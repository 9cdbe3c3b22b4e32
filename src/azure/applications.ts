import { Type, type Static } from 'typebox';
import { AzureError } from './errors.ts';
import { readAnswer, type Graph } from './graph.ts';
import { find, type Found } from './reads.ts';

// An application and its client secrets, through Microsoft Graph. It answers from replicas: what was just written may be missing from what
// is read for seconds to minutes.

/** A client secret of an application, as Microsoft Graph shows it: never its text. */
const PasswordCredential = Type.Object({
  keyId: Type.String(),
  displayName: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  /** The first three characters of the text. */
  hint: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  startDateTime: Type.String(),
  endDateTime: Type.String(),
});
export type PasswordCredential = Static<typeof PasswordCredential>;

const Application = Type.Object({
  id: Type.String(),
  appId: Type.String(),
  displayName: Type.String(),
  createdDateTime: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  passwordCredentials: Type.Array(PasswordCredential),
});
export type Application = Static<typeof Application>;

const NewPassword = Type.Intersect([PasswordCredential, Type.Object({ secretText: Type.String({ minLength: 1 }) })]);

const selected = Object.keys(Application.properties).join(',');

/**
 * The application of this tenant with this client id. Needs the application permission Application.Read.All or
 * Application.ReadWrite.OwnedBy. @throws AzureError
 */
export const readApplication = (graph: Graph, appId: string, signal: AbortSignal): Promise<Found<Application>> =>
  find(signal, ['Request_ResourceNotFound'], async () => {
    const path = `/applications(appId='${encodeURIComponent(appId)}')`;
    return readAnswer(Application, await graph.send({ method: 'GET', path, query: { $select: selected }, signal }));
  });

/**
 * The text stands in this answer only. Needs Application.ReadWrite.OwnedBy and ownership of the application, or
 * Application.ReadWrite.All. @throws AzureError
 */
export const addPassword = (
  graph: Graph,
  { id }: Pick<Application, 'id'>,
  passwordCredential: { displayName: string; endDateTime: string },
  signal: AbortSignal,
): Promise<Static<typeof NewPassword>> =>
  inTurn(id, async () => {
    const path = `/applications/${id}/addPassword`;
    return readAnswer(NewPassword, await graph.send({ method: 'POST', path, body: { passwordCredential }, signal }));
  });

/** One that is gone already is what was asked for. @throws AzureError */
export const removePassword = (
  graph: Graph,
  { id }: Pick<Application, 'id'>,
  keyId: string,
  signal: AbortSignal,
): Promise<void> =>
  inTurn(id, async () => {
    try {
      await graph.send({ method: 'POST', path: `/applications/${id}/removePassword`, body: { keyId }, signal });
    } catch (error) {
      if (error instanceof AzureError && error.status === 400 && error.message.includes(keyId)) return;
      throw error;
    }
  });

const turns = new Map<string, Promise<unknown>>();

/** Writes to one application, one after another, whoever asks for them: Graph refuses those that meet (Directory_ConcurrencyViolation). */
async function inTurn<T>(id: string, write: () => Promise<T>): Promise<T> {
  const earlier = turns.get(id);
  const own = (async () => {
    await earlier?.catch(() => undefined);
    return write();
  })();
  turns.set(id, own);
  try {
    return await own;
  } finally {
    if (turns.get(id) === own) turns.delete(id);
  }
}
