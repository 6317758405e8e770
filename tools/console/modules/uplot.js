// Time series.
export { default } from "uplot";
