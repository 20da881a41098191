import { brokerKit } from "../src/index.ts";
import { brokerSaboteurs } from "../src/saboteurs/index.ts";
import { everySaboteurIsCaught } from "./support/caught.ts";

everySaboteurIsCaught(brokerKit, brokerSaboteurs);
