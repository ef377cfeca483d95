//! What writing models with fewer bits was measured to cost.

use crate::{Store, StoreError};
use types::{
    ids::ModelId,
    quant::{MeasuredQuant, QuantMeasure},
    shelf::Rewrite,
};

impl Store {
    /// Keeps a measurement in place of an earlier one of the same model and type.
    pub async fn save_quant_measure(
        &self,
        model: &ModelId,
        quant: &MeasuredQuant,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let (word, size_bytes) = (quant.to.word(), quant.size_bytes.cast_signed());
        let measure = &quant.measure;
        sqlx::query!(
            "insert or replace into quant_measure (model, quant, size_bytes, has_imatrix, mean_kld, top1_agreement, \
             reference_perplexity, perplexity, prefill_ratio, decode_ratio, tokens_per_second, measured_ms) \
             values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            model.0,
            word,
            size_bytes,
            quant.has_imatrix,
            measure.mean_kld,
            measure.top1_agreement,
            measure.reference_perplexity,
            measure.perplexity,
            measure.prefill_ratio,
            measure.decode_ratio,
            measure.tokens_per_second,
            now_ms
        )
        .execute(&self.write)
        .await?;
        Ok(())
    }

    /// What was measured with a model, the largest first. Types that this version does not know are left out.
    pub async fn quant_measures(&self, model: &ModelId) -> Result<Vec<MeasuredQuant>, StoreError> {
        let rows = sqlx::query!(
            "select quant, size_bytes, has_imatrix, mean_kld, top1_agreement, reference_perplexity, perplexity, prefill_ratio, \
             decode_ratio, tokens_per_second from quant_measure where model = ? order by size_bytes desc, quant",
            model.0
        )
        .fetch_all(&self.read)
        .await?;
        let known = rows.into_iter().filter_map(|row| {
            let measure = QuantMeasure {
                mean_kld: row.mean_kld,
                top1_agreement: row.top1_agreement,
                reference_perplexity: row.reference_perplexity,
                perplexity: row.perplexity,
                prefill_ratio: row.prefill_ratio,
                decode_ratio: row.decode_ratio,
                tokens_per_second: row.tokens_per_second,
            };
            let to = Rewrite::ALL.into_iter().find(|it| it.word() == row.quant)?;
            let (size_bytes, has_imatrix) = (row.size_bytes.cast_unsigned(), row.has_imatrix != 0);
            Some(MeasuredQuant { to, size_bytes, has_imatrix, measure })
        });
        Ok(known.collect())
    }
}
