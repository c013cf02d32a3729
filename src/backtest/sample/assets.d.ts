/** Files that Bun embeds: importing one gives its path. */
declare module "*.csv" {
  const path: string;
  export default path;
}
