// The page of a plan, whichever view of it: ticks, edits, moves. What is done here shows at once, and is taken
// back visibly where the server refuses it. Without this file the same is done by forms and links.

import "./plan-board.js";
import "./plan-document.js";
import "./plan-drag.js";
import "./plan-edit.js";
import "./plan-keys.js";
