// Where the rectangles of a treemap lie; the console draws them itself.
export { hierarchy, partition, treemap, treemapBinary, treemapSquarify } from "d3-hierarchy";
