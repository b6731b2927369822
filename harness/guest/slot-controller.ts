/** The part of a guest's kernel that answers for one hot-pluggable slot. */
export interface SlotController {
  /** After `device_add`: notices the device and brings it up. Throws GuestError when there is nothing to notice. */
  acceptPlug(): Promise<void>;
  /** After `device_del`: notices the request and lets the device go. Throws GuestError when nobody asked. */
  releaseDevice(): Promise<void>;
}
