export const commands: any = {};
