/** The main job on one process. */
import { mainJob } from './main-job.ts';
import { journeyStage } from './stage.ts';

describe('flows: the main job', function () {
  this.timeout(90_000);
  mainJob(journeyStage);
});
