import { controlKit, resultStoreKit } from "../src/index.ts";
import { poolKit } from "../src/pool/index.ts";
import { controlSaboteurs, poolSaboteurs, resultSaboteurs } from "../src/saboteurs/index.ts";
import { everySaboteurIsCaught } from "./support/caught.ts";

everySaboteurIsCaught(controlKit, controlSaboteurs);
everySaboteurIsCaught(resultStoreKit, resultSaboteurs);
everySaboteurIsCaught(poolKit, poolSaboteurs);
