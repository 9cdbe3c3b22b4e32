export { sync as syncAfterRegistration } from './sync.act.ts';
