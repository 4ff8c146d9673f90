// A moment with its zone, for a tooltip.
import {moment, zone} from "../../counting.js";

export const full = (ms) => (ms ? `${moment(ms)} (${zone})` : "");
