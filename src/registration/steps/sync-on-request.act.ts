export { sync as syncOnRequest } from './sync.act.ts';
