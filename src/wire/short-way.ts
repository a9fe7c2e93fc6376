/** What the short ways have in common, of writing and of reading a small tree. @module */

/** Deeper data takes the general way, which does not recurse. */
export const deepest = 100;

/** Thrown to give up. */
export const givingUp = new Error("not the short way");
