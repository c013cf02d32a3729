/** Files that are put into the page as they stand, imported as text. */
declare module "*/browser.js" {
  const text: string;
  export default text;
}
declare module "*/lightweight-charts.standalone.production.js" {
  const text: string;
  export default text;
}
declare module "*/uPlot.iife.min.js" {
  const text: string;
  export default text;
}
declare module "*.css" {
  const text: string;
  export default text;
}
declare module "*/LICENSE" {
  const text: string;
  export default text;
}
