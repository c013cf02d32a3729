declare const self: Worker;

self.onmessage = (event: MessageEvent<string>) => {
  postMessage(`${event.data} pong`);
};
