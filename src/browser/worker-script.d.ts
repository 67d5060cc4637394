/** The script of the worker as text; the build puts it together. */
declare module 'virtual:worker-script' {
  export const script: string;
}
