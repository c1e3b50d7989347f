import { describePrecisions } from "./test-support/precision-contract.ts";

describePrecisions("binding");
