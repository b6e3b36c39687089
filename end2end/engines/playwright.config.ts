import { defineConfig } from '@playwright/test';
import own from '../playwright.config.ts';

// A driver loses its browser now and then. What is wrong with the product fails the second time too.
export default defineConfig({ ...own, testDir: '.', outputDir: '../test-results', reporter: 'list', retries: 1 });
