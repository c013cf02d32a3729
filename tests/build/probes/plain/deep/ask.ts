/** Asks the worker beside it. */
export async function ask(): Promise<string> {
  const worker = new Worker(new URL("./answer.worker.ts", import.meta.url).href);
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  worker.onmessage = (event: MessageEvent<string>) => resolve(event.data);
  worker.onerror = (event) => reject(new Error(event.message));
  worker.postMessage("ping");
  try {
    return await promise;
  } finally {
    worker.terminate();
  }
}
