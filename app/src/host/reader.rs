//! The reader of an event stream's body.

use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// `ReadableStreamDefaultReader` (WHATWG Streams, 4.4).
    pub type Reader;

    #[wasm_bindgen(method, catch)]
    pub async fn read(this: &Reader) -> Result<Chunk, JsValue>;

    /// A chunk of the body, or its end.
    pub type Chunk;

    /// The octets; `None` at the end.
    #[wasm_bindgen(method, getter)]
    pub fn value(this: &Chunk) -> Option<Vec<u8>>;
}
