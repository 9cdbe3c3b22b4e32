import type { PlanInput, Step } from '../step.ts';
import { adoptCluster } from './adopt-cluster.ts';
import { assignArcRoles, assignResourceManagerRole } from './assign-role.ts';
import { consentToDefaultExtensions } from './consent-to-default-extensions.ts';
import { createArcIdentity } from './create-arc-identity.ts';
import { createArcSettings } from './create-arc-settings.ts';
import { createCluster } from './create-cluster.ts';
import { createClusterIdentity } from './create-cluster-identity.ts';
import { createResourceGroup } from './create-resource-group.ts';
import { disconnectAgent } from './disconnect-agent.ts';
import { dropArcSecret } from './drop-arc-secret.ts';
import { generatePassword } from './generate-password.ts';
import { initializeArcIntegration } from './initialize-arc-integration.ts';
import { newRegistrationCertificate } from './new-registration-certificate.ts';
import { recordOnboardingSecret } from './record-onboarding-secret.ts';
import { refreshResourceProviderObjectId } from './refresh-resource-provider-object-id.ts';
import { registerArcRegistrationTask } from './register-arc-registration-task.ts';
import { registerResourceProvider } from './register-resource-provider.ts';
import { removeCustomImdsHostAddress } from './remove-custom-imds-host-address.ts';
import { setAgentProxy } from './set-agent-proxy.ts';
import { removeStaleMachine } from './remove-stale-machine.ts';
import { setRegistrationCertificate } from './set-registration-certificate.ts';
import { setRegistration } from './set-registration.ts';
import { setSystemAssignedIdentity } from './set-system-assigned-identity.ts';
import { startArcRegistrationTask } from './start-arc-registration-task.ts';
import { startCloudManagement } from './start-cloud-management.ts';
import { sync } from './sync.ts';
import { syncAfterRegistration } from './sync-after-registration.ts';
import { syncOnRequest } from './sync-on-request.ts';
import { uploadCertificate } from './upload-certificate.ts';
import { clearArcIntegration } from './clear-arc-integration.ts';
import { deleteArcSettings } from './delete-arc-settings.ts';
import { deleteExtension } from './delete-extension.ts';
import { deleteMachine } from './delete-machine.ts';
import { deleteResourceGroup } from './delete-resource-group.ts';
import { disableArcIntegration } from './disable-arc-integration.ts';
import { initializeDisableProcess } from './initialize-disable-process.ts';
import { removeArcRoles, removeResourceManagerRole } from './remove-role.ts';
import { startDisablingArc } from './start-disabling-arc.ts';
import { unregisterArcRegistrationTask } from './unregister-arc-registration-task.ts';

const registering = {
  CreateResourceGroup: createResourceGroup,
  RegisterResourceProvider: registerResourceProvider,
  CreateCluster: createCluster,
  AdoptCluster: adoptCluster,
  SetSystemAssignedIdentity: setSystemAssignedIdentity,
  CreateClusterIdentity: createClusterIdentity,
  RefreshResourceProviderObjectId: refreshResourceProviderObjectId,
  AssignResourceManagerRole: assignResourceManagerRole,
  NewRegistrationCertificate: newRegistrationCertificate,
  UploadCertificate: uploadCertificate,
  SetRegistrationCertificate: setRegistrationCertificate,
  SetRegistration: setRegistration,
  StartCloudManagement: startCloudManagement,
  SyncAfterRegistration: syncAfterRegistration,
  RemoveCustomImdsHostAddress: removeCustomImdsHostAddress,
  CreateArcSettings: createArcSettings,
  ConsentToDefaultExtensions: consentToDefaultExtensions,
  CreateArcIdentity: createArcIdentity,
  AssignArcRoles: assignArcRoles,
  GeneratePassword: generatePassword,
  InitializeArcIntegration: initializeArcIntegration,
  DropArcSecret: dropArcSecret,
  RegisterArcRegistrationTask: registerArcRegistrationTask,
  DisconnectAgent: disconnectAgent,
  SetAgentProxy: setAgentProxy,
  StartArcRegistrationTask: startArcRegistrationTask,
  RecordOnboardingSecret: recordOnboardingSecret,
  RemoveStaleMachine: removeStaleMachine,
  Sync: sync,
  SyncOnRequest: syncOnRequest,
};

/** As Unregister-AzStackHCI -DisableOnlyAzureArcServer does them. */
const disablingArc = {
  StartDisablingArc: startDisablingArc,
  InitializeDisableProcess: initializeDisableProcess,
  DeleteExtension: deleteExtension,
  UnregisterArcRegistrationTask: unregisterArcRegistrationTask,
  DisableArcIntegration: disableArcIntegration,
  DeleteMachine: deleteMachine,
  RemoveArcRoles: removeArcRoles,
  DeleteArcSettings: deleteArcSettings,
  ClearArcIntegration: clearArcIntegration,
  RemoveResourceManagerRole: removeResourceManagerRole,
};

const leavingGroups = {
  DeleteResourceGroup: deleteResourceGroup,
};

const table = { ...registering, ...disablingArc, ...leavingGroups };

export type StepName = keyof typeof table;
export type StepArguments<N extends StepName> = (typeof table)[N] extends Step<infer A> ? A : never;

/** All steps: first those of Register-AzStackHCI in its order, then those of Unregister-AzStackHCI. */
export const steps: { readonly [N in StepName]: Step<StepArguments<N>> } = table;
export const stepNames = Object.keys(table).filter((name): name is StepName => name in table);

const namesOf = (...tables: object[]): StepName[] =>
  tables.flatMap((part) => Object.keys(part)).filter((name): name is StepName => name in table);
const whileRegistered = namesOf(registering, disablingArc, leavingGroups);
const whileLeaving = namesOf(disablingArc, leavingGroups);

export const stepsToDisableArc: ReadonlySet<StepName> = new Set(namesOf(disablingArc, leavingGroups));

/** The steps that may be needed for what is wanted, in their order. */
export const order = ({ leaving }: Pick<PlanInput, 'leaving'>): readonly StepName[] =>
  leaving === true ? whileLeaving : whileRegistered;
