import { defineConfig } from '@playwright/test';
import own from '../playwright.config.ts';

export default defineConfig({ ...own, testDir: '.', outputDir: '../test-results', reporter: 'list' });
