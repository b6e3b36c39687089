import { defineConfig } from '@playwright/test';
import own from '../playwright.config.ts';

// A driver loses its browser now and then, so a journey is repeated once; the list shows which was.
export default defineConfig({ ...own, testDir: '.', outputDir: '../test-results', reporter: 'list', retries: 1 });
