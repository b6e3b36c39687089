import { useState } from 'react';
import { createRoot } from 'react-dom/client';
const getToken = async () => (await fetch('/token', { method: 'POST' })).text();

function Mail({ base }) {
  const [state, setState] = useState('');
  const onDirty = ({ detail }) => setState(detail.dirty ? 'Unsaved' : 'Saved');
  return (
    <>
      <h1>React host</h1><p role="status">{state}</p>
      <ppm-email-settings base={base} getToken={getToken} onppm-dirty-change={onDirty} />
    </>
  );
}

createRoot(document.querySelector('main')).render(<Mail base="PRODUCT" />);
