export const demo = async (_: unknown) => 0;
