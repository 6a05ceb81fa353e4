import './styles.css';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { listenForKeys } from './keyboard/keys.ts';
import { queryClient } from './query-client.ts';
import { router } from './router.tsx';
import { showTheme } from './theme.ts';

showTheme();
listenForKeys();

// A page of an older build asks for files that a newer server does not have: begin again with the new one.
window.addEventListener('vite:preloadError', (event) => {
  event.preventDefault();
  window.location.reload();
});

const place = document.getElementById('console');
if (place !== null) {
  createRoot(place).render(
    <StrictMode>
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </StrictMode>,
  );
}
