export { holdLock } from '../lock.js';
